"""From a cohort of polysomnograms to periodic leg movements of sleep and their secondary causes."""

__version__ = "0.1.0"
