# Buy, protect with a stop, raise the stop, cancel it, sell: the second sale's commission came too late to be
# recorded. Recorded live on 2026-04-15; the first announcement of the stop shows a limit that TWS guards it with.
let aapl conId=265598 symbol=AAPL secType=STK exchange=SMART currency=USD localSymbol=AAPL tradingClass=NMS
let mine account=DU9000001 tif=DAY clientId=1 origin=0
let status parentId=0 clientId=1 mktCapPrice=0
let none filled=0 remaining=1 avgFillPrice=0 lastFillPrice=0
let bought action=BUY orderType=MKT totalQuantity=1 lmtPrice=0 auxPrice=0 permId=:buy
let sold action=SELL orderType=MKT totalQuantity=1 lmtPrice=0 auxPrice=0 permId=:sell
let stop action=SELL orderType=STP totalQuantity=1 permId=:stop
! nextid 1 275
! quote AAPL 263.49 263.50
! switch fill_twice off
! switch opening_realized_zero on
! switch stop_limit_shown on
> connect
< managedAccounts accounts=DU9000001
< nextValidId orderId=275
< error code=2104
< error code=2106
< error code=2158

> place a AAPL BUY 1 MKT tif=DAY account=DU9000001
< openOrder a $aapl $mine $bought status=PreSubmitted
< orderStatus a $status $none status=PreSubmitted permId=:buy whyHeld=
< execDetails a reqId=-1 execId=:exec1 account=DU9000001 symbol=AAPL side=BOT shares=1 price=263.5 permId=:buy
< openOrder a $aapl $mine $bought status=Filled
< orderStatus a $status status=Filled filled=1 remaining=0 avgFillPrice=263.5 permId=:buy lastFillPrice=263.5 whyHeld=
< commissionReport execId=:exec1 commission=1 currency=USD realizedPNL=0

> place b AAPL SELL 1 STP auxPrice=13.13 tif=DAY account=DU9000001
< openOrder b $aapl $mine $stop lmtPrice=13.16 auxPrice=13.13 status=PreSubmitted
< orderStatus b $status $none status=PreSubmitted permId=:stop whyHeld=trigger
< openOrder b $aapl $mine $stop lmtPrice=0 auxPrice=13.13 status=PreSubmitted
< orderStatus b $status $none status=PreSubmitted permId=:stop whyHeld=trigger

> place b AAPL SELL 1 STP auxPrice=14.13 tif=DAY account=DU9000001
< openOrder b $aapl $mine $stop lmtPrice=0 auxPrice=14.13 status=PreSubmitted
< orderStatus b $status $none status=PreSubmitted permId=:stop whyHeld=trigger
< openOrder b $aapl $mine $stop lmtPrice=0 auxPrice=14.13 status=PreSubmitted
< orderStatus b $status $none status=PreSubmitted permId=:stop whyHeld=trigger

> cancel b
< orderStatus b $status $none status=Cancelled permId=:stop whyHeld=
< error b code=202 "text=Order Canceled - reason:" advanced=

! switch market_ack submitted
! quote AAPL 263.58 263.59
! drop commissionReport
> place c AAPL SELL 1 MKT tif=DAY account=DU9000001
< openOrder c $aapl $mine $sold status=Submitted
< orderStatus c $status $none status=Submitted permId=:sell whyHeld=
< execDetails c reqId=-1 account=DU9000001 symbol=AAPL side=SLD shares=1 price=263.58 permId=:sell
< openOrder c $aapl $mine $sold status=Filled
< orderStatus c $status status=Filled filled=1 remaining=0 avgFillPrice=263.58 permId=:sell lastFillPrice=263.58 whyHeld=
