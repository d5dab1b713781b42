"""As much of a Kubernetes API server as kubectl needs for one Deployment: discovery, get, list and patch. It writes
down what it is sent."""
import copy
import json

from harness import Handler, serve, shut


def deployment(image, revision):
    return {"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "checkout", "namespace": "prod", "uid": "d-1", "resourceVersion": str(revision),
                         "generation": revision, "annotations": {"deployment.kubernetes.io/revision": str(revision)}},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "checkout"}}, "template": template(image)},
            "status": {}}


def template(image):
    return {"metadata": {"labels": {"app": "checkout"}}, "spec": {"containers": [{"name": "checkout", "image": image}]}}


def replica_set(image, revision):
    whole = template(image)
    whole["metadata"]["labels"]["pod-template-hash"] = f"h{revision}"
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": f"checkout-h{revision}", "namespace": "prod", "uid": f"r-{revision}",
                         "labels": {"app": "checkout", "pod-template-hash": f"h{revision}"},
                         "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                         "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout",
                                              "uid": "d-1", "controller": True}]},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "checkout"}}, "template": whole}, "status": {}}


def resource(name, kind, *more):
    return {"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": ["get", "list", "patch"],
            "shortNames": list(more)}


class Kubernetes:
    def __init__(self, image):
        self.sets = [replica_set(image, 1)]
        self.deployment = deployment(image, 1)
        self.patches = []
        cluster = self

        class Api(Handler):
            def do_GET(self):
                cluster.answer(self, cluster.get(self.path.partition("?")[0]))

            def do_PATCH(self):
                body = json.loads(self.body())
                cluster.answer(self, cluster.patch(self.path.partition("?")[0], self.headers["Content-Type"], body))

        self.server = serve(Api)
        self.port = self.server.server_address[1]

    @property
    def image(self):
        return self.deployment["spec"]["template"]["spec"]["containers"][0]["image"]

    def get(self, path):
        base = "/apis/apps/v1/namespaces/prod"
        group = {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
                 "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"}}
        return {
            "/version": {"major": "1", "minor": "30", "gitVersion": "v1.30.0"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]},
            "/apis/apps/v1": {"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [
                resource("deployments", "Deployment", "deploy"), resource("replicasets", "ReplicaSet", "rs")]},
            f"{base}/deployments/checkout": self.deployment,
            f"{base}/replicasets": {"kind": "ReplicaSetList", "apiVersion": "apps/v1", "metadata": {},
                                    "items": self.sets},
        }.get(path)

    def patch(self, path, kind, body):
        if path != "/apis/apps/v1/namespaces/prod/deployments/checkout":
            return None
        self.patches.append((kind, body))
        if kind == "application/strategic-merge-patch+json":
            image = body["spec"]["template"]["spec"]["containers"][0]["image"]
        else:
            image = next(step["value"] for step in body if step["path"] == "/spec/template")["spec"]["containers"][0]["image"]
        if image != self.image:
            revision = 1 + max(int(s["metadata"]["annotations"]["deployment.kubernetes.io/revision"]) for s in self.sets)
            self.sets = [s for s in self.sets if s["spec"]["template"]["spec"]["containers"][0]["image"] != image]
            self.sets.append(replica_set(image, revision))
            self.deployment = deployment(image, revision)
        return copy.deepcopy(self.deployment)

    @staticmethod
    def answer(request, body):
        status = 200 if body is not None else 404
        data = json.dumps(body if body is not None else {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                                                         "reason": "NotFound", "code": 404}).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def write_config(self, path):
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "headgate", "user": {}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "headgate"}}]}))

    def close(self):
        shut(self.server)
