"""The collector's page: a static site whose pieces draw themselves again in the browser."""
