"""Tables in Markdown, and the figures in them."""

from statistics import median


def table(head, rows):
    return ''.join('| ' + ' | '.join(map(str, row)) + ' |\n'
                   for row in [head, ['---'] * len(head), *rows])


def of(turns, *path):
    """The median of a figure over turns."""
    def figure(turn):
        for name in path:
            turn = turn[name]
        return turn
    return median(map(figure, turns))


def spread(values):
    """Smallest and largest, beside the median."""
    middle = median(values)
    return '%+.0f %+.0f %%' % (100 * (min(values) / middle - 1),
                               100 * (max(values) / middle - 1))


def thousands(number):
    return '{:,.0f}'.format(number)


def rows_column(turns):
    """What was counted in the table, and what wrk counted."""
    rows = sum(t['rows'] for t in turns)
    good = sum(t['expected'] for t in turns)
    return '%s %s' % (thousands(rows), '= 2xx' if rows == good
                      else '≠ %s 2xx' % thousands(good))
