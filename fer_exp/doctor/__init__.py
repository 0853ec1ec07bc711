"""Doctor: holds state, records and MLflow against one another, says what is wrong, and mends what can be mended safely.

In: a home. Out: a Report of findings.

    findings           the words, and a finding as a value
    install            whether the environment and the machine have what is needed
    case               a campaign's folder, read as far as it can be
    campaign_checks    its file, state, lock, versions
    record_checks      its records
    shown_checks       MLflow against the records
    home_checks        what lies in a home and belongs to nothing
    mending            what --fix may do to a folder
    visit              all checks on all campaigns, and mending
"""

from fer_exp.doctor.findings import Code, Finding, Report
from fer_exp.doctor.visit import campaigns_in, examine, mend

__all__ = ["Code", "Finding", "Report", "campaigns_in", "examine", "mend"]
