# A market buy from PreSubmitted to its commission; the opening fill's realised PnL is unset.
# Recorded live on 2026-04-13.
let aapl conId=265598 symbol=AAPL secType=STK exchange=SMART currency=USD localSymbol=AAPL tradingClass=NMS
let mine account=DU9000001 tif=DAY permId=:perm clientId=94 origin=0
let status permId=:perm parentId=0 clientId=94 whyHeld= mktCapPrice=0
let market action=BUY orderType=MKT totalQuantity=1 lmtPrice=0 auxPrice=0
! quote AAPL 257.94 257.95
! switch fill_twice off
> connect
< managedAccounts accounts=DU9000001
< nextValidId orderId=1
< error code=2104
< error code=2106
< error code=2158
> place a AAPL BUY 1 MKT tif=DAY account=DU9000001
< openOrder a $aapl $mine $market status=PreSubmitted
< orderStatus a $status status=PreSubmitted filled=0 remaining=1 avgFillPrice=0 lastFillPrice=0
< execDetails a reqId=-1 execId=:exec symbol=AAPL account=DU9000001 side=BOT shares=1 price=257.95 permId=:perm clientId=94
< openOrder a $aapl $mine $market status=Filled
< orderStatus a $status status=Filled filled=1 remaining=0 avgFillPrice=257.95 lastFillPrice=257.95
< commissionReport execId=:exec commission=1 currency=USD realizedPNL=1.7976931348623157E308
