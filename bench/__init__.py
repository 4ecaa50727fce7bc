"""Speed, measured: `make bench`. What each figure means stands in docs/performance.md."""
