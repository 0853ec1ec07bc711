"""The report: a campaign, or a comparison, as one HTML file that needs nothing beside it.

In: a campaign's folder. Out: `report.html`: opens without a network, in light and dark, on paper, and asks for nothing.

    write       the parts of a campaign's page, and its file
    comparison  two groups against one another
    contents    what a campaign's folder holds, read as far as it can be
    sections    each part of the page
    slices      parts of validation that mean something
    faces       faces of validation, as pictures inside the page
    cost        hours, images, operations, energy
    flops       what an image costs a network
    blocks      what a page is made of
    page        blocks as HTML: page.html, page.css, page.js
    palette     colours for light and dark
    svg         a canvas, scales, ticks
    axes        the frame of line and dot drawings
    charts      lines, bars, dots with intervals
    matrices    confusion matrices and their difference
    parallel    parallel coordinates
"""

from fer_exp.report.write import REPORT, refresh_pages, write_comparison, write_pages, write_report

__all__ = ["REPORT", "refresh_pages", "write_comparison", "write_pages", "write_report"]
