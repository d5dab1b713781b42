-- Takes 1.4.0 back. May run twice: whatever is gone already is fine. One transaction around it comes from psql.
ALTER TABLE IF EXISTS orders DROP COLUMN IF EXISTS coupon;
DROP TABLE IF EXISTS coupons;
