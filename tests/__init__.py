"""The tests mirror the rooms; `settings`, `components` and `live` are what they stand on."""
