"""What a team's manifests for Kubernetes lack, told before anything is sent."""
