"""placeOrder as it comes over the wire: some 115 fields, several of them there only if others say so."""

from collections.abc import Mapping
from decimal import Decimal

from paper.contracts import ContractQuery
from paper.orders import Adjustment, Condition, OrderTerms, Trail
from paper.wire import FieldError, Fields, to_decimal, to_integer

_HEAD = (
    "secIdType secId action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef "
    "transmit parentId blockOrder sweepToFill displaySize triggerMethod outsideRth hidden"
)
_MIDDLE = "sharesAllocation discretionaryAmt goodAfterTime goodTillDate faGroup faMethod faPercentage"
_BODY = (
    "modelCode shortSaleSlot designatedLocation exemptCode ocaType rule80A settlingFirm allOrNone minQty percentOffset "
    "eTradeOnly firmQuoteOnly nbboPriceCap auctionStrategy startingPrice stockRefPrice delta stockRangeLower "
    "stockRangeUpper overridePercentageConstraints volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice"
)
_DELTA_NEUTRAL = (
    "deltaNeutralConId deltaNeutralSettlingFirm deltaNeutralClearingAccount deltaNeutralClearingIntent "
    "deltaNeutralOpenClose deltaNeutralShortSale deltaNeutralShortSaleSlot deltaNeutralDesignatedLocation"
)
_SCALE = (
    "continuousUpdate referencePriceType trailStopPrice trailingPercent scaleInitLevelSize scaleSubsLevelSize "
    "scalePriceIncrement"
)
_SCALE_DETAIL = (
    "scalePriceAdjustValue scalePriceAdjustInterval scaleProfitOffset scaleAutoReset scaleInitPosition "
    "scaleInitFillQty scaleRandomPercent"
)
_HEDGE = "scaleTable activeStartTime activeStopTime hedgeType"
_CLEARING = "optOutSmartRouting clearingAccount clearingIntent notHeld"
_AFTER_ALGO = "algoId whatIf orderMiscOptions solicited randomizeSize randomizePrice"
_PEG_BENCH = "referenceContractId isPeggedChangeAmountDecrease peggedChangeAmount referenceChangeAmount referenceExchangeId"
_ADJUSTED = (
    "adjustedOrderType triggerPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice adjustedTrailingAmount "
    "adjustableTrailingUnit extOperator softDollarTierName softDollarTierVal cashQty mifid2DecisionMaker "
    "mifid2DecisionAlgo mifid2ExecutionTrader mifid2ExecutionAlgo dontUseAutoPriceForHedge isOmsContainer "
    "discretionaryUpToLimitPrice usePriceMgmtAlgo"
)
_VERSIONED = (
    (158, "duration"),
    (160, "postToAts"),
    (162, "autoCancelParent"),
    (166, "advancedErrorOverride"),
    (169, "manualOrderTime"),
)
_CONDITION_FIELDS = {1: 6, 3: 3, 4: 3, 5: 4, 6: 5, 7: 5}  # by condition type, conjunction included


def read_contract(fields: Fields) -> ContractQuery:
    """The twelve fields of a contract."""
    return ContractQuery(
        con_id=fields.integer("conId"),
        symbol=fields.text("symbol"),
        sec_type=fields.text("secType"),
        expiry=fields.text("lastTradeDateOrContractMonth"),
        strike=fields.decimal("strike"),
        right=fields.text("right"),
        multiplier=fields.text("multiplier"),
        exchange=fields.text("exchange"),
        primary_exchange=fields.text("primaryExchange"),
        currency=fields.text("currency"),
        local_symbol=fields.text("localSymbol"),
        trading_class=fields.text("tradingClass"),
    )


class _Reading:
    """One message being read: its cursor and what was read so far."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.raw: dict[str, str] = {}

    def take(self, names: str) -> None:
        for name in names.split():
            self.raw[name] = self.fields.text(name)

    def skip(self, name: str, each: int) -> None:
        """Pass over a counted list of `each` fields an entry."""
        for _ in range(self._count(name) * each):
            self.fields.text(name)

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        return tuple((self.fields.text(name), self.fields.text(name)) for _ in range(self._count(name)))

    def _count(self, name: str) -> int:
        return self.fields.integer(name)


def read_place_order(fields: Fields, version: int) -> tuple[int, OrderTerms]:
    """The order id and terms of a placeOrder at a negotiated version. Raises FieldError."""
    order_id = fields.integer("orderId")
    contract = read_contract(fields)
    reading = _Reading(fields)
    raw = reading.raw
    reading.take(_HEAD)
    if contract.sec_type == "BAG":
        reading.skip("comboLegs", 8)
        reading.skip("orderComboLegs", 1)
        reading.skip("smartComboRoutingParams", 2)
    reading.take(_MIDDLE)
    reading.take("faProfile" if version < 177 else "")
    reading.take(_BODY)
    if raw["deltaNeutralOrderType"]:
        reading.take(_DELTA_NEUTRAL)
    reading.take(_SCALE)
    if (to_decimal("scalePriceIncrement", raw["scalePriceIncrement"]) or 0) > 0:
        reading.take(_SCALE_DETAIL)
    reading.take(_HEDGE)
    if raw["hedgeType"]:
        reading.take("hedgeParam")
    reading.take(_CLEARING)
    if fields.flag("deltaNeutralContract"):
        reading.take("dncConId dncDelta dncPrice")
    reading.take("algoStrategy")
    algo_params = reading.pairs("algoParams") if raw["algoStrategy"] else ()
    reading.take(_AFTER_ALGO)
    if raw["orderType"] == "PEG BENCH":
        reading.take(_PEG_BENCH)
    conditions = _conditions(reading)
    reading.take(_ADJUSTED)
    reading.take(" ".join(name for since, name in _VERSIONED if version >= since))
    return order_id, _terms(contract, algo_params, conditions, raw)


def _conditions(reading: _Reading) -> tuple[Condition, ...]:
    found = tuple(_condition(reading.fields) for _ in range(reading.fields.integer("conditions")))
    if found:
        reading.take("conditionsIgnoreRth conditionsCancelOrder")
    return found


def _condition(fields: Fields) -> Condition:
    kind = fields.integer("conditionType")
    if kind not in _CONDITION_FIELDS:
        raise FieldError("conditionType", f"is {kind}, none of {sorted(_CONDITION_FIELDS)}")
    conjunction, *rest = (fields.text("condition") for _ in range(_CONDITION_FIELDS[kind]))
    return Condition(kind, conjunction, tuple(rest))


def _adjustment(raw: Mapping[str, str]) -> Adjustment | None:
    trigger = to_decimal("triggerPrice", raw["triggerPrice"])
    if raw["adjustedOrderType"] in ("", "None") or trigger is None:
        return None
    return Adjustment(
        order_type=raw["adjustedOrderType"],
        trigger=trigger,
        stop=to_decimal("adjustedStopPrice", raw["adjustedStopPrice"]),
        limit=to_decimal("adjustedStopLimitPrice", raw["adjustedStopLimitPrice"]),
        trailing=to_decimal("adjustedTrailingAmount", raw["adjustedTrailingAmount"]),
        unit=Trail.AMOUNT if raw["adjustableTrailingUnit"] in ("", "0") else Trail.PERCENT,
    )


def _terms(
    contract: ContractQuery,
    algo_params: tuple[tuple[str, str], ...],
    conditions: tuple[Condition, ...],
    raw: Mapping[str, str],
) -> OrderTerms:
    def decimal(name: str) -> Decimal | None:
        return to_decimal(name, raw[name])

    return OrderTerms(
        contract=contract,
        action=raw["action"],
        quantity=decimal("totalQuantity") or Decimal(0),
        order_type=raw["orderType"],
        limit=decimal("lmtPrice"),
        aux=decimal("auxPrice"),
        tif=raw["tif"],
        oca_group=raw["ocaGroup"],
        oca_type=to_integer("ocaType", raw["ocaType"]),
        account=raw["account"],
        order_ref=raw["orderRef"],
        transmit=raw["transmit"] == "1",
        parent_id=to_integer("parentId", raw["parentId"]),
        what_if=raw["whatIf"] == "1",
        algo_params=algo_params,
        raw=raw,
        trail_stop=decimal("trailStopPrice"),
        trail_percent=decimal("trailingPercent"),
        limit_offset=decimal("lmtPriceOffset"),
        outside_rth=raw["outsideRth"] == "1",
        trigger_method=to_integer("triggerMethod", raw["triggerMethod"]),
        good_till=raw["goodTillDate"],
        good_after=raw["goodAfterTime"],
        adjustment=_adjustment(raw),
        conditions=conditions,
        conditions_cancel=raw.get("conditionsCancelOrder", "") == "1",
    )
