# A bracket goes out with its last child. TWS puts the children into an OCA group under their parent's permId, and
# shows a limit order's trailStopPrice a USD above its limit. Recorded live, told here with what a fill adds.
let aapl conId=265598 symbol=AAPL secType=STK exchange=SMART currency=USD localSymbol=AAPL tradingClass=NMS
let mine account=DU9000001 tif=DAY clientId=1 origin=0
let none filled=0 remaining=1 avgFillPrice=0 lastFillPrice=0 clientId=1 mktCapPrice=0
let entry $aapl $mine action=BUY orderType=MKT totalQuantity=1 permId=:entry ocaGroup=
let target action=SELL orderType=LMT totalQuantity=1 lmtPrice=400 trailStopPrice=401 permId=:target ocaGroup=:entry
let stop action=SELL orderType=STP totalQuantity=1 auxPrice=100 trailStopPrice=100 permId=:stop ocaGroup=:entry
! nextid 1 60
! quote AAPL 263.49 263.50
! switch fill_twice off
> connect
< managedAccounts accounts=DU9000001
< nextValidId orderId=60
< error code=2104
< error code=2106
< error code=2158

> place a AAPL BUY 1 MKT tif=DAY account=DU9000001 transmit=0
> place b AAPL SELL 1 LMT lmtPrice=400 tif=DAY account=DU9000001 transmit=0 parent=a
> place c AAPL SELL 1 STP auxPrice=100 tif=DAY account=DU9000001 parent=a
< openOrder a $entry status=PreSubmitted
< orderStatus a $none status=PreSubmitted permId=:entry parentId=0 whyHeld=
< openOrder b $aapl $mine $target status=PreSubmitted
< orderStatus b $none status=PreSubmitted permId=:target parentId=60 whyHeld=child
< openOrder c $aapl $mine $stop status=PreSubmitted
< orderStatus c $none status=PreSubmitted permId=:stop parentId=60 whyHeld=child,trigger
< execDetails a reqId=-1 side=BOT shares=1 price=263.5 permId=:entry
< openOrder a $entry status=Filled
< orderStatus a status=Filled filled=1 remaining=0 permId=:entry
< commissionReport commission=1 currency=USD
< openOrder b $aapl $mine $target status=Submitted
< orderStatus b $none status=Submitted permId=:target parentId=60 whyHeld=
< openOrder c $aapl $mine $stop status=PreSubmitted
< orderStatus c $none status=PreSubmitted permId=:stop parentId=60 whyHeld=trigger
