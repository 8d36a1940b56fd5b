# An order type that does not exist gets 321 and nothing else. Recorded live on 2026-04-13.
! nextid 1 40
> connect
< managedAccounts accounts=DU9000001
< nextValidId orderId=40
< error code=2104
< error code=2106
< error code=2158
> place a AAPL BUY 1 FEELINGS lmtPrice=10 tif=DAY account=DU9000001
< error a code=321 "text=Error validating request.-'bF' : cause - Invalid order type was entered" advanced=
