"""Aggregates (W6, W8): what they get of a row, and their results over rows that are held."""
import statistics

from expressions import Failures, evaluate


def arguments_of(aggregates, row):
    """(the values of the aggregates' arguments, why some failed)."""
    failures = Failures()
    return [argument_of(a, row.values, failures) for a in aggregates], failures


def argument_of(aggregate, values, failures):
    """The value that an aggregate gets of a row, of argmin and argmax with the one that is compared; None: none. What
    `where` keeps out is not evaluated (R8)."""
    where = aggregate.get("where")
    if where is not None and evaluate(where, values, failures) is not True:
        return None
    if aggregate["argument"] is None:
        return True
    argument = evaluate(aggregate["argument"], values, failures)
    if "order" not in aggregate:
        return argument
    order = evaluate(aggregate["order"], values, failures)
    return None if argument is None or order is None else (argument, order)


def aggregated(aggregate, i, held):
    function = aggregate["function"]
    by_time = sorted(((row.time, row.source, arguments[i]) for row, arguments in held if arguments[i] is not None),
                     key=lambda entry: entry[:2])
    values = [value for _, _, value in by_time]
    if function == "count":
        return len(values)
    if function == "count_distinct":
        return len(set(values))
    if function == "collect":
        return values[:aggregate["parameter"]]
    if function == "top_k":
        return sorted(values, key=rank, reverse=True)[:aggregate["parameter"]]
    if not values:
        return None
    if function in ("argmin", "argmax"):
        # Of equal ones the first: min and max take it.
        return (min if function == "argmin" else max)(values, key=lambda pair: rank(pair[1]))[0]
    if function in ("variance", "stddev"):
        if len(values) < 2:
            return None
        return (statistics.variance if function == "variance" else statistics.stdev)([float(v) for v in values])
    if function == "quantile":
        return quantile(sorted(values), aggregate["parameter"])
    arrived = [arguments[i] for _, arguments in held if arguments[i] is not None]
    if function == "mean":
        return compensated_sum([float(v) for v in arrived]) / len(values)
    if function == "sum":
        return compensated_sum(arrived) if isinstance(arrived[0], float) else sum(arrived)
    return {"min": min, "max": max, "first": lambda v: v[0], "last": lambda v: v[-1]}[function](values)


def rank(value):
    """Texts are ordered by their bytes."""
    return value.encode() if isinstance(value, str) else value


def quantile(values, q):
    """Linear between the two values around it; of few values the sketch is exact."""
    at = q * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return float(values[low]) + (float(values[high]) - float(values[low])) * (at - low)


def compensated_sum(values):
    """Kahan's sum as Neumaier improved it (W8)."""
    total = lost = 0.0
    for value in values:
        new = total + value
        lost += (total - new) + value if abs(total) >= abs(value) else (value - new) + total
        total = new
    return total + lost
