import { parseAllDocuments, stringify } from "yaml";

const header = `# The picker without a chart, as the chart renders it: pool \`llm\` of the pods with the label app=vllm.
# Written by npm run manifests from test/fixtures/manifests/golden/gateway.yaml.
`;

/** Namespace of the rendered objects; objects of the base have none, and their subjects and names are those of \`default\`. */
const renderedNamespace = "serving";

/**
 * The kustomize base as YAML text: the rendered chart without what is Helm's, for any namespace.
 * @param {string} rendered what `helm template` prints
 */
export function kustomizeBase(rendered) {
  const objects = parseAllDocuments(rendered).flatMap((document) => {
    const object = document.toJS();
    return object === null ? [] : [forAnyNamespace(object)];
  });
  return header + objects.map((object) => stringify(object, { lineWidth: 0 })).join("---\n");
}

function forAnyNamespace(object) {
  const own = JSON.parse(
    JSON.stringify(object, (key, value) => (key === "app.kubernetes.io/managed-by" ? undefined : value)),
  );
  delete own.metadata.namespace;
  own.metadata.name = withoutNamespace(own.metadata.name);
  if (own.roleRef !== undefined) own.roleRef.name = withoutNamespace(own.roleRef.name);
  for (const subject of own.subjects ?? []) subject.namespace = "default";
  for (const container of own.spec?.template?.spec?.containers ?? []) {
    container.args = container.args.map((arg) => (arg === renderedNamespace ? "$(NAMESPACE)" : arg));
  }
  return own;
}

function withoutNamespace(name) {
  return name.startsWith(`${renderedNamespace}-`) ? name.slice(renderedNamespace.length + 1) : name;
}
