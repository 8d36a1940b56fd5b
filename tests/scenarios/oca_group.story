# What rests in an OCA group may stay PreSubmitted. Recorded live on 2026-04-13.
let mine account=DU9000001 tif=DAY clientId=1 ocaGroup=either action=BUY orderType=LMT totalQuantity=1
let none filled=0 remaining=1 avgFillPrice=0 parentId=0 lastFillPrice=0 clientId=1 whyHeld=
! nextid 1 50
! switch oca_presubmitted on
! quote AAPL 320 320.01
> connect
< managedAccounts accounts=DU9000001
< nextValidId orderId=50
< error code=2104
< error code=2106
< error code=2158
> place a AAPL BUY 1 LMT lmtPrice=12.9 tif=DAY ocaGroup=either account=DU9000001
< openOrder a $mine lmtPrice=12.9 permId=:a status=PreSubmitted
< orderStatus a $none status=PreSubmitted permId=:a
> place b AAPL BUY 1 LMT lmtPrice=309.48 tif=DAY ocaGroup=either account=DU9000001
< openOrder b $mine lmtPrice=309.48 permId=:b status=PreSubmitted
< orderStatus b $none status=PreSubmitted permId=:b
