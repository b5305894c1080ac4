//! Pure builders of the in-cluster objects, one file per object.
