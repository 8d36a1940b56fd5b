# Four positions the account had before: two stocks, a future, a short put. Recorded live on 2026-04-05.
let stock secType=STK expiry= right= multiplier= exchange=NASDAQ currency=USD tradingClass=NMS account=DU9000001
! own AMZN 15 200.25
! own AAPL 10 256.10
! own-unlisted 1 6384.43 conId=715358256 symbol=YW secType=FUT expiry=20261214 multiplier=1000 localSymbol=XWZ6 tradingClass=XW
! own-unlisted -3 2100.6321 conId=728937835 symbol=QQQ secType=OPT expiry=20270115 strike=500 right=P multiplier=100 "localSymbol=QQQ   270115P00500000" tradingClass=QQQ
> connect
< managedAccounts accounts=DU9000001
< nextValidId orderId=1
< error code=2104
< error code=2106
< error code=2158
> send 61 1
< position $stock conId=3691937 symbol=AMZN localSymbol=AMZN position=15 avgCost=200.25
< position $stock conId=265598 symbol=AAPL localSymbol=AAPL position=10 avgCost=256.1
< position account=DU9000001 conId=715358256 symbol=YW secType=FUT expiry=20261214 right= multiplier=1000 exchange= currency=USD localSymbol=XWZ6 tradingClass=XW position=1 avgCost=6384.43
< position account=DU9000001 conId=728937835 symbol=QQQ secType=OPT expiry=20270115 strike=500 right=P multiplier=100 exchange= currency=USD "localSymbol=QQQ   270115P00500000" tradingClass=QQQ position=-3 avgCost=2100.6321
< positionEnd
> send 64 1
