"""What operators see of the fediverse, and what they do there: pages for Django's admin.

Nothing is registered here; `hvx/admin/site.py` says which pages there are. Every act is a service's, the
one that the command of the same name calls.
"""
