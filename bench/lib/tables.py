"""Tables in Markdown."""


def table(head, rows):
    for row in head, ['---'] * len(head), *rows:
        print('| ' + ' | '.join(map(str, row)) + ' |', flush=True)


def spread(values):
    """Smallest and largest, as a percentage of the median."""
    values = sorted(values)
    middle = values[len(values) // 2]
    return '%+.0f %+.0f%%' % (100 * (values[0] / middle - 1),
                              100 * (values[-1] / middle - 1))
