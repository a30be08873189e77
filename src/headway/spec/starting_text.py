"""The usual environments, as text with comments: the table of what dev, staging and production are for, in the words of headway.yaml."""

DEV = """\
environments:                        # in order; each is a line of its own on the way, and you may have more, fewer, or others
  # Feature tests; may be unstable. Every push to these branches goes here by itself.
  dev:
    trigger: {{push: {push}}}
    replicas: 1
    config: {{DEBUG: true, LOG_LEVEL: debug}}
    strategy: rolling
    analysis: health                 # nobody to measure by: replicas and checks decide
    checks: [smoke]
    soak: 1m
    keep_warm: 0s
    newer: supersedes                # a newer push takes the place of one that still waits
"""

STAGING = """\
  # A mirror of production, with test data. Every merge to {main} goes here by itself.
  staging:
    trigger: {{merge: {main}}}
    replicas: 2
    strategy: rolling
    analysis: health
    checks: [smoke]                  # add integration, end-to-end, performance and security checks, and qa
    soak: 5m
"""

PRODUCTION = """\
  # Live users. A person promotes what passed staging: headway promote VERSION --to production
  production:
    after: staging
    replicas: 5
    config: {LOG_LEVEL: warning}
    approvals: 1                     # a yes of somebody who neither wrote nor asked for it: headway approve production
    strategy: {canary: [10, 50, 100]}
    preview: [smoke]                 # against the new release alone, before it has traffic
    checks: [smoke]
    analysis:                        # measured every second, against these limits and against the old release
      error_rate: 1%
      # latency_p95: 300ms
      times_baseline: 2
      needs: 50                      # requests that it must have answered before good news counts
      max_wait: 15m                  # without enough traffic to judge by, the canary goes back to weight 0 and a person is asked
    holdback: 5                      # percent that stay on the old release until the soak ends, to compare with
    soak: 15m                        # good for so long with its traffic, then it is completed
    keep_warm: 15m                   # and for so long the way back is instant
    # notify: [oncall]

# notify:
#   oncall: {webhook: "env:ONCALL_URL"}
"""


def environments(main: str, develop: bool) -> tuple[str, ...]:
    """dev, staging and production, with the branches of this repository."""
    push = "[feature/*, develop]" if develop else "feature/*"
    return (DEV.format(push=push), STAGING.format(main=main), PRODUCTION)
