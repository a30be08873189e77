"""The API of every namespace that somebody asked about: made once, and by one set of connections for each cluster."""

import threading

from headway.adapters.kubernetes.api import Api, Connection
from headway.environments.model import Cluster


class Clients:
    """Whoever asks clusters has one of these, and lets go of it at the end."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}
        self._apis: dict[tuple[str, str], Api] = {}
        self._lock = threading.Lock()

    def of(self, cluster: Cluster) -> Api:
        """The API of a cluster's namespace. Nothing is connected before the first question."""
        context, namespace = cluster.context, cluster.namespace
        with self._lock:
            if (context, namespace) not in self._apis:
                connection = self._connections.setdefault(context, Connection(context))
                self._apis[context, namespace] = Api(context, namespace, connection)
            return self._apis[context, namespace]

    def close(self) -> None:
        """Let go of the connections; everything on the clusters stays as it is."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()
            self._apis.clear()
