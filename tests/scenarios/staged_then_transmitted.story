# transmit=0 is silent; the same id sent with transmit=1 rests; its cancel tells the status, then 202.
# Recorded live on 2026-04-15.
let aapl conId=265598 symbol=AAPL secType=STK exchange=SMART currency=USD localSymbol=AAPL tradingClass=NMS
let mine account=DU9000001 tif=DAY permId=:perm clientId=1 origin=0
let none filled=0 avgFillPrice=0 permId=:perm parentId=0 lastFillPrice=0 clientId=1 whyHeld= mktCapPrice=0
! nextid 1 293
> connect
< managedAccounts accounts=DU9000001
< nextValidId orderId=293
< error code=2104
< error code=2106
< error code=2158
> place a AAPL BUY 10 LMT lmtPrice=13.26 tif=DAY account=DU9000001 transmit=0
> place a AAPL BUY 10 LMT lmtPrice=13.26 tif=DAY account=DU9000001 transmit=1
< openOrder a $aapl $mine action=BUY orderType=LMT totalQuantity=10 lmtPrice=13.26 auxPrice=0 status=Submitted
< orderStatus a $none status=Submitted remaining=10
> cancel a
< orderStatus a $none status=Cancelled remaining=10
< error a code=202 "text=Order Canceled - reason:" advanced=
