"""openOrder and completedOrder for the wire: 128 to 136 and 101 fields. Pure.

Fields the gateway does not act on are given back as the client sent them; unset ones take the value a live
Gateway shows for them.
"""

from decimal import Decimal

from paper.hours import NEW_YORK
from paper.orders import Margin, Order
from paper.wire import UNSET_DOUBLE, UNSET_INTEGER, UNSET_LONG, Field, frame, to_decimal

_ZERO = Decimal(0)
_BLANK_WHEN_UNSET = ("", UNSET_INTEGER, "Infinite", "Infinity")


def open_order(order: Order, version: int, margin: Margin | None = None) -> bytes:
    """openOrder; with a margin it answers a whatIf."""
    terms, echo = order.terms, _Echo(order)
    return frame(
        5,
        order.order_id,
        *_contract(order),
        *_what_is_asked(order),
        order.client_id,
        order.perm_id,
        *echo("outsideRth=0 hidden=0 discretionaryAmt=0 goodAfterTime"),
        f"{order.perm_id}.{order.revision}/{terms.account}/100" if order.perm_id else "",
        *echo("faGroup faMethod faPercentage" + _profile(version)),
        *echo("modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot=0 designatedLocation"),
        *echo(
            "exemptCode=-1 auctionStrategy=0 startingPrice stockRefPrice delta stockRangeLower stockRangeUpper"
        ),
        *echo(f"displaySize={UNSET_INTEGER} blockOrder=0 sweepToFill=0 allOrNone=0 minQty"),
        terms.oca_type or 3,
        *echo("eTradeOnly=0 firmQuoteOnly=0 nbboPriceCap"),
        terms.parent_id,
        *echo("triggerMethod=0 volatility volatilityType=0 deltaNeutralOrderType=None deltaNeutralAuxPrice"),
        *echo("deltaNeutralConId=0 deltaNeutralSettlingFirm deltaNeutralClearingAccount"),
        *echo("deltaNeutralClearingIntent deltaNeutralOpenClose=? deltaNeutralShortSale=0"),
        *echo("deltaNeutralShortSaleSlot=0 deltaNeutralDesignatedLocation"),
        *echo("continuousUpdate=0 referencePriceType=0"),
        _trail_stop(order),
        *echo("trailingPercent"),
        None,
        None,
        None,  # basisPoints, basisPointsType, comboLegsDescrip
        *_legs_and_scale(echo),
        *echo("optOutSmartRouting=0 clearingAccount clearingIntent=IB notHeld=0"),
        *_algo(order),
        *echo("solicited=0"),
        terms.what_if,
        order.status,
        *_margin(order, margin),
        *echo("randomizeSize=0 randomizePrice=0"),
        *_conditions(order),
        *_adjusted(order, version),
    )


def completed_order(order: Order, version: int) -> bytes:
    """completedOrder: no order id and no client id on the wire."""
    echo = _Echo(order)
    return frame(
        101,
        *_contract(order),
        *_what_is_asked(order),
        order.perm_id,
        *echo("outsideRth=0 hidden=0 discretionaryAmt=0 goodAfterTime"),
        *echo("faGroup faMethod faPercentage" + _profile(version)),
        *echo("modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot=0 designatedLocation"),
        *echo("exemptCode=-1 startingPrice stockRefPrice delta stockRangeLower stockRangeUpper"),
        *echo(f"displaySize={UNSET_INTEGER} sweepToFill=0 allOrNone=0 minQty"),
        order.terms.oca_type or 3,
        *echo("triggerMethod=0 volatility volatilityType=0 deltaNeutralOrderType=None deltaNeutralAuxPrice"),
        *echo("deltaNeutralConId=0 deltaNeutralShortSale=0 deltaNeutralShortSaleSlot=0"),
        *echo("deltaNeutralDesignatedLocation"),
        *echo("continuousUpdate=0 referencePriceType=0"),
        _trail_stop(order),
        *echo("trailingPercent"),
        None,  # comboLegsDescrip
        *_legs_and_scale(echo),
        *echo("clearingAccount clearingIntent=IB notHeld=0"),
        *_algo(order),
        *echo("solicited=0"),
        order.status,
        *echo("randomizeSize=0 randomizePrice=0"),
        *_conditions(order),
        _shown_stop(order),
        *echo(f"lmtPriceOffset={UNSET_DOUBLE} cashQty=0"),
        1,  # dontUseAutoPriceForHedge, whatever was sent
        *echo("isOmsContainer=0 autoCancelDate"),
        order.filled,
        *echo(f"refFuturesConId={UNSET_INTEGER} autoCancelParent=0"),
        "Not an insider or substantial shareholder",
        0,  # imbalanceOnly
        0,  # routeMarketableToBbo
        order.parent_perm_id or UNSET_LONG,
        _completed_time(order),
        order.completed_status,
        *(_peg(echo) if version >= 170 else ()),
    )


class _Echo:
    """Gives fields back: `echo("name other=default")`, the default standing in for an unset one."""

    def __init__(self, order: Order) -> None:
        self._raw = order.terms.raw

    def __call__(self, names: str) -> list[Field]:
        return [self._one(*item.partition("=")) for item in names.split()]

    def _one(self, name: str, _: str, default: str) -> str:
        text = self._raw.get(name, "")
        if name == "displaySize" and text == "0":  # shown as unset
            return default
        if text in _BLANK_WHEN_UNSET or "E308" in text.upper().replace("E+308", "E308"):
            return default
        return text


def _contract(order: Order) -> list[Field]:
    one = order.instrument
    return [
        one.con_id,
        one.symbol,
        one.sec_type,
        one.expiry,
        one.strike,
        one.right or "?",
        one.multiplier if one.multiplier != 1 else "",
        one.exchange,
        one.currency,
        one.local_symbol,
        one.trading_class,
    ]


def _what_is_asked(order: Order) -> list[Field]:
    terms, echo = order.terms, _Echo(order)
    return [
        terms.action,
        order.quantity,
        terms.order_type,
        order.limit or terms.limit or _ZERO,
        (order.stop if terms.has_stop and not terms.trails else terms.aux) or _ZERO,
        terms.tif or "DAY",
        _group(order),
        terms.account,
        *echo("openClose origin=0"),
        terms.order_ref,
    ]


def _profile(version: int) -> str:
    return " faProfile" if version < 177 else ""


def _legs_and_scale(echo: _Echo) -> list[Field]:
    """No combo legs, order legs, routing parameters; then scale and hedge fields."""
    fields: list[Field] = [0, 0, 0]
    fields += echo(
        f"scaleInitLevelSize={UNSET_INTEGER} scaleSubsLevelSize={UNSET_INTEGER} scalePriceIncrement"
    )
    if (to_decimal("scalePriceIncrement", str(fields[-1])) or _ZERO) > 0:
        fields += echo("scalePriceAdjustValue scalePriceAdjustInterval scaleProfitOffset scaleAutoReset=0")
        fields += echo("scaleInitPosition scaleInitFillQty scaleRandomPercent=0")
    fields += echo("hedgeType")
    return fields + (echo("hedgeParam") if fields[-1] else [])


def _algo(order: Order) -> list[Field]:
    """No delta-neutral contract; the algo and its parameters."""
    strategy = order.terms.raw.get("algoStrategy", "")
    if not strategy:
        return [0, ""]
    pairs = [text for pair in order.terms.algo_params for text in pair]
    return [0, strategy, len(order.terms.algo_params), *pairs]


def _margin(order: Order, margin: Margin | None) -> list[Field]:
    """Nine margin amounts, commission and its bounds, currency, warning; unset where there is nothing to say."""
    if margin is None:
        currency = "" if order.commission is None else "USD"
        return [*([UNSET_DOUBLE] * 9), order.commission, None, None, currency, ""]
    columns = zip(margin.initial, margin.maintenance, margin.equity, strict=True)
    return [*(amount for row in columns for amount in row), margin.commission, None, None, "USD", ""]


def _conditions(order: Order) -> list[Field]:
    """The conditions as they came, and their two flags if there are any."""
    fields: list[Field] = [len(order.terms.conditions)]
    for one in order.terms.conditions:
        fields += [one.kind, one.conjunction, *one.fields]
    flags = _Echo(order)("conditionsIgnoreRth=0 conditionsCancelOrder=0")
    return fields + (flags if order.terms.conditions else [])


def _group(order: Order) -> str:
    """The OCA group shown: TWS groups the children of one parent itself, under the parent's permId."""
    waits = "child" in order.why_held
    own = "" if waits and order.parent_perm_id else order.terms.oca_group
    return own or (str(order.parent_perm_id) if order.parent_perm_id else "")


def _trail_stop(order: Order) -> Field:
    """Where a trail's stop is now, empty for any other order."""
    return "" if order.stop is None or not order.terms.trails else order.stop


def _shown_stop(order: Order) -> Field:
    """What TWS shows as trailStopPrice besides: the stop of a stop, a USD more than the limit of a limit order."""
    stop = order.stop
    if order.terms.order_type == "LMT" and order.limit is not None:
        stop = order.limit + 1
    return UNSET_DOUBLE if stop is None else stop


def _adjusted(order: Order, version: int) -> list[Field]:
    unset, echo = UNSET_DOUBLE, _Echo(order)
    fields = echo(f"adjustedOrderType=None triggerPrice={unset}")
    fields += [_shown_stop(order), *echo(f"lmtPriceOffset={unset}")]
    fields += echo(f"adjustedStopPrice={unset} adjustedStopLimitPrice={unset} adjustedTrailingAmount={unset}")
    fields += echo("adjustableTrailingUnit=0 softDollarTierName softDollarTierVal softDollarTierDisplayName")
    fields += [*echo("cashQty=0"), 1]  # dontUseAutoPriceForHedge, whatever was sent
    fields += echo("isOmsContainer=0 discretionaryUpToLimitPrice=0")
    fields += echo("usePriceMgmtAlgo=0")
    for since, name in ((159, "duration"), (160, "postToAts"), (162, "autoCancelParent=0")):
        fields += echo(name) if version >= since else []
    competes = order.is_live and order.instrument.sec_type == "STK"
    return fields + (_peg(echo, competes=competes) if version >= 170 else [])


def _peg(echo: _Echo, *, competes: bool = False) -> list[Field]:
    """The fields of pegged orders; TWS fills two of them in for every live order in a stock."""
    filled_in = "minCompeteSize=100 competeAgainstBestOffset=0.02"
    plain = "minCompeteSize competeAgainstBestOffset"
    return echo(f"minTradeQty {filled_in if competes else plain} midOffsetAtWhole midOffsetAtHalf")


def _completed_time(order: Order) -> str:
    if order.completed_at is None:
        return ""
    return f"{order.completed_at.astimezone(NEW_YORK):%Y%m%d %H:%M:%S} US/Eastern"
