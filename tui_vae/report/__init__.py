"""The report of runs: one page of HTML that needs nothing else, Markdown, and every figure and table as files.

It shows what it is given (``content``), laid out once as a document of sections, tables, figures and pictures, which
each format then writes in its own way.
"""

import logging

# Before matplotlib is imported: where it may not keep its settings, it says so in the terminal, which changes nothing.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
