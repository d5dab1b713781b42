play half.part
ann rolls back because users complain
expect rolling_back
expect message weight_zero
