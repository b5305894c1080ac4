-- A class is read when a site is reconciled and has no status of its own; each site says whether it fits.
return { status = "Healthy", message = "A class is configuration; its sites say whether they fit" }
