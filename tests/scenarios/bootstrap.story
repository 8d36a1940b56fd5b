# Connecting: accounts, next id, three farm notices. Recorded live on 2026-04-05.
> connect
< managedAccounts accounts=DU9000001
< nextValidId orderId=1
< error orderId=-1 code=2104 "text=Market data farm connection is OK:usfarm" advanced=
< error orderId=-1 code=2106 "text=HMDS data farm connection is OK:ushmds" advanced=
< error orderId=-1 code=2158 "text=Sec-def data farm connection is OK:secdefnj" advanced=
