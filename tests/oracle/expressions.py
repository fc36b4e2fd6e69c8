"""Expressions: as text for a pipeline file, and their value for one row by the definitions of SQL and R5, R8.

An expression is a list: ["col", name], ["lit", value], [operator or function, operand...], or
["case", [[condition, value]...], otherwise]. Null is None.
"""
INT_MIN, INT_MAX = -(2**63), 2**63 - 1

COMPARISONS = {"=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b,
               "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}


def text(e):
    kind = e[0]
    if kind == "col":
        return e[1]
    if kind == "lit":
        return literal(e[1])
    if kind == "case":
        whens = " ".join(f"when {text(c)} then {text(v)}" for c, v in e[1])
        return f"case {whens} else {text(e[2])} end"
    if kind == "is null":
        return f"({text(e[1])} is null)"
    if kind == "not":
        return f"(not {text(e[1])})"
    if kind in ("coalesce", "length", "upper"):
        return f"{kind}({', '.join(text(a) for a in e[1:])})"
    return f"({text(e[1])} {kind} {text(e[2])})"


def literal(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"({value})" if value < 0 else repr(value)


class Failures(set):
    """Classes of the errors that evaluating a row meets."""


def evaluate(e, row, failures):
    """The value for `row`; classes of errors are added to `failures`, and then the value means nothing."""
    kind = e[0]
    if kind == "col":
        return row[e[1]]
    if kind == "lit":
        return e[1]
    if kind == "case":
        for condition, value in e[1]:
            if evaluate(condition, row, failures) is True:
                return evaluate(value, row, failures)
        return evaluate(e[2], row, failures)
    if kind in ("and", "or"):
        return logic(kind == "or", e[1], e[2], row, failures)
    operands = [evaluate(operand, row, failures) for operand in e[1:]]
    if kind == "is null":
        return operands[0] is None
    if kind == "coalesce":
        return next((o for o in operands if o is not None), None)
    if None in operands:
        return None
    return strict(kind, operands, failures)


def logic(decisive, left, right, row, failures):
    """`and` and `or`: the right side counts, and can fail, only where the left side does not decide."""
    a = evaluate(left, row, failures)
    if a is decisive:
        return decisive
    b = evaluate(right, row, failures)
    if b is decisive:
        return decisive
    return None if a is None or b is None else not decisive


def strict(kind, operands, failures):
    """Operators that are null when an operand is."""
    if kind == "not":
        return not operands[0]
    if kind == "length":
        return len(operands[0])
    if kind == "upper":
        return operands[0].upper()
    a, b = operands
    if kind in COMPARISONS:
        return COMPARISONS[kind](a, b)
    if kind == "||":
        return a + b
    if isinstance(a, float) or isinstance(b, float):
        return {"+": float.__add__, "-": float.__sub__, "*": float.__mul__}[kind](float(a), float(b))
    return integer(kind, a, b, failures)


def integer(kind, a, b, failures):
    if kind in ("/", "%"):
        if b == 0:
            failures.add("divide_by_zero")
            return None
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)  # truncates toward zero
        result = quotient if kind == "/" else a - b * quotient
        # The remainder of the least integer by -1 is 0, but its quotient is beyond int64.
        overflow = not INT_MIN <= quotient <= INT_MAX if kind == "/" else False
    else:
        result = a + b if kind == "+" else a - b if kind == "-" else a * b
        overflow = not INT_MIN <= result <= INT_MAX
    if overflow:
        failures.add("overflow")
        return None
    return result
