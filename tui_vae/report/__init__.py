"""The report of runs: one page of HTML that needs nothing else, Markdown, and every figure and table as files.

It shows what it is given (``content``), laid out once as a document of sections, tables, figures and pictures, which
each format then writes in its own way.
"""
