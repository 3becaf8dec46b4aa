"""Where metrics and changes come from, behind the MetricSource port."""
