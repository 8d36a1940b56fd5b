"""What sizing knows of IB, as folded from the bus: link, account values, contracts held, newest quotes. Pure."""

from __future__ import annotations

from router.messages import AccountSnapshot, LinkPhase, LinkState, Message, PositionSnapshot, Quote
from router.quote import QuoteBook


class BrokerView:
    """The newest word of IB on everything that sizes a signal."""

    def __init__(self) -> None:
        self.quotes = QuoteBook()
        self._link: LinkState | None = None
        self._accounts: dict[str, AccountSnapshot] = {}
        self._held: set[tuple[str, int]] = set()

    def observe(self, message: Message) -> None:
        """Learn from one message of the gateway."""
        match message:
            case Quote():
                self.quotes.update(message)
            case AccountSnapshot():
                self._accounts[message.account] = message
            case PositionSnapshot():
                self._on_position(message)
            case LinkState():
                self._on_link(message)
            case _:
                pass

    @property
    def waiting_for(self) -> str:
        """What is missing before anything can be sized, in words; empty when nothing is."""
        if self._link is None:
            return "the gateway process"
        if self._link.phase is not LinkPhase.READY:
            return f"IB connection: {self._link.phase} ({self._link.reason})"
        return "" if self.account() else "account values of IB"

    def account(self) -> AccountSnapshot | None:
        """The traded account's values, once IB has said what sizing needs of them."""
        account = self._accounts.get(self._link.account) if self._link else None
        if account is None or account.net_liquidation is None or account.buying_power is None:
            return None
        return account

    @property
    def buying_power(self) -> float:
        """USD that IB lets the account spend; 0 while it has not said."""
        account = self.account()
        return (account.buying_power or 0.0) if account else 0.0

    @property
    def open_positions(self) -> int:
        """Contracts held, in all accounts of the login."""
        return len(self._held)

    def forget(self) -> None:
        """What was heard may be over unheard, and all that is not is told again: by a rebuild, or by a snapshot."""
        self._held.clear()  # every position held follows
        self.quotes.clear()  # those of the connection before price nothing

    def _on_link(self, link: LinkState) -> None:
        if link.phase is LinkPhase.SYNCING:
            self.forget()
        self._link = link

    def _on_position(self, position: PositionSnapshot) -> None:
        key = (position.account, position.contract.con_id)
        if abs(position.quantity) > 0:
            self._held.add(key)
        else:
            self._held.discard(key)
