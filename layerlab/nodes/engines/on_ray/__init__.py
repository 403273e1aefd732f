"""The engine on a Ray cluster: the runner, a driver that is the client, and workers on the hosts."""
