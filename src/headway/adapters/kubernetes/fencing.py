"""A policy for whoever may write some for the whole cluster: the API server itself refuses what an older rollout writes.

Headway compares fences before it writes, and writes only over what it read. What was on its way from a server that was stopped and
continued is refused by this, too, wherever it was stopped.
"""

import json
from collections.abc import Sequence

NAME = "headway-fencing"
TOO_LATE = "is too late"

_POLICY = """\
# The API server itself refuses to let an older rollout write over a newer one. Needs Kubernetes 1.30 and, once, the right to write
# policies for the whole cluster: headway kubernetes policy | kubectl apply --filename -
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: NAME
spec:
  # Headway compares as well; a policy that cannot be evaluated must not be what keeps traffic on a bad release.
  failurePolicy: Ignore
  matchConstraints:
    objectSelector:
      matchExpressions: [{key: headway/service, operator: Exists}]
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments]}
      - {apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [services, configmaps]}
      - {apiGroups: [autoscaling], apiVersions: ["*"], operations: [UPDATE], resources: [horizontalpodautoscalers]}
      - {apiGroups: [gateway.networking.k8s.io], apiVersions: ["*"], operations: [UPDATE], resources: [httproutes]}
  variables:
    - name: was
      expression: "oldObject.?metadata.?annotations[?'headway/fence'].orValue('')"
    - name: is
      expression: "object.?metadata.?annotations[?'headway/fence'].orValue('')"
  matchConditions:
    - name: fenced
      expression: "oldObject.?metadata.?annotations[?'headway/fence'].orValue('').matches('^[0-9]{1,9}[.][0-9]{1,9}$')"
  validations:
    - expression: >-
        variables.is.matches('^[0-9]{1,9}[.][0-9]{1,9}$') &&
        (int(variables.is.split('.')[0]) > int(variables.was.split('.')[0]) ||
        (int(variables.is.split('.')[0]) == int(variables.was.split('.')[0]) &&
        int(variables.is.split('.')[1]) >= int(variables.was.split('.')[1])))
      messageExpression: >-
        'it was written by ' + variables.was + ' of Headway, so ' + (variables.is == '' ? 'nobody at all' : variables.is) + ' TOO_LATE'
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: NAME
spec:
  policyName: NAME
  validationActions: [Deny]
"""
_ONLY = """\
  matchResources:
    namespaceSelector:
      matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: VALUES}]
"""


def policy(namespaces: Sequence[str] = (), name: str = NAME) -> str:
    """The manifests, for these namespaces or, where none is named, for all that Headway writes to."""
    only = _ONLY.replace("VALUES", json.dumps(list(namespaces))) if namespaces else ""
    return _POLICY.replace("NAME", name).replace("TOO_LATE", TOO_LATE) + only


def by_policy(message: str) -> bool:
    """Is this the API server's word for a write that came too late?"""
    return NAME in message and TOO_LATE in message
