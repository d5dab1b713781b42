# "24-48h": reaching the least lets it go on, reaching the most without going on calls people, and promotes nothing.
play clinical.part
after 46h
expect running ready in canary
expect not called
after 2h
expect running ready in canary
expect called
expect calling medical_lead for overdue
after 5d
expect running ready in canary
