# What rests in an OCA group may stay PreSubmitted, and a limit too far through the market is ended by IB with its
# own reason, which leaves the rest of the group alone. Recorded live on 2026-04-13.
let mine account=DU9000001 tif=DAY clientId=1 ocaGroup=either action=BUY orderType=LMT totalQuantity=1
let none filled=0 remaining=1 avgFillPrice=0 parentId=0 lastFillPrice=0 clientId=1 whyHeld=
! nextid 1 50
! switch oca_presubmitted on
! switch price_band on
! quote AAPL 257.67 257.69
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
< orderStatus b $none status=PendingCancel permId=:b
< orderStatus b $none status=Cancelled permId=:b
< error b code=202 "text=~Order Canceled - reason:We cannot accept an order at a limit price at or more aggressive than" advanced=
> send 16 1
< openOrder a $mine lmtPrice=12.9 permId=:a status=PreSubmitted
< orderStatus a $none status=PreSubmitted permId=:a
< openOrderEnd
