# A resting limit is told twice; a global cancel then answers 161 for the order that is cancelled already, with the
# two blanks of TWS's text. Recorded live on 2026-06-10.
let aapl conId=265598 symbol=AAPL secType=STK exchange=SMART currency=USD localSymbol=AAPL tradingClass=NMS
let mine account=DU9000001 tif=DAY permId=:perm clientId=1 origin=0 action=BUY orderType=LMT totalQuantity=100
let none filled=0 remaining=100 avgFillPrice=0 permId=:perm parentId=0 lastFillPrice=0 clientId=1 whyHeld=
! nextid 1 337
! switch limit_twice on
! switch global_cancel_161 on
> connect
< managedAccounts accounts=DU9000001
< nextValidId orderId=337
< error code=2104
< error code=2106
< error code=2158
> place a AAPL BUY 100 LMT lmtPrice=14.61 tif=DAY account=DU9000001
< openOrder a $aapl $mine lmtPrice=14.61 status=Submitted
< orderStatus a $none status=Submitted
< openOrder a $aapl $mine lmtPrice=14.61 status=Submitted
< orderStatus a $none status=Submitted
> cancel a
< orderStatus a $none status=Cancelled
< error a code=202 "text=Order Canceled - reason:" advanced=
> send 58 1
< error a code=161 "text=~Cancel attempted when order is not in a cancellable state.  Order permId =" advanced=
