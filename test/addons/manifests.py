"""Holds manifests to the schemas of Kubernetes, with no field that these do not know: YAML on standard
input, versions as arguments, the same manifests as JSON on standard output."""

import json
import sys

import kubernetes_validate
import yaml

manifests = list(yaml.safe_load_all(sys.stdin))
for version in sys.argv[1:]:
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)
json.dump(manifests, sys.stdout)
