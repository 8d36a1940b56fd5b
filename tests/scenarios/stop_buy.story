# A buy stop is first shown with a limit three cents above it, as a sell stop is, and told once. Recorded live on
# 2026-06-10.
let aapl conId=265598 symbol=AAPL secType=STK exchange=SMART currency=USD localSymbol=AAPL tradingClass=NMS
let mine account=DU9000001 tif=DAY permId=:perm clientId=1 origin=0 action=BUY orderType=STP totalQuantity=100
let none filled=0 remaining=100 avgFillPrice=0 permId=:perm parentId=0 lastFillPrice=0 clientId=1
! nextid 1 338
! switch stop_limit_shown on
! switch stop_twice off
> connect
< managedAccounts accounts=DU9000001
< nextValidId orderId=338
< error code=2104
< error code=2106
< error code=2158
> place a AAPL BUY 100 STP auxPrice=2921.2 tif=DAY account=DU9000001
< openOrder a $aapl $mine lmtPrice=2921.23 auxPrice=2921.2 status=PreSubmitted
< orderStatus a $none status=PreSubmitted whyHeld=trigger
> cancel a
< orderStatus a $none status=Cancelled whyHeld=
< error a code=202 "text=Order Canceled - reason:" advanced=
