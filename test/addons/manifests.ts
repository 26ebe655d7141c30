import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPythonTools } from '../contract/python-tools.ts';

/** The versions of kubectl, of the schemas and of what looks into these. */
const TOOLS = fileURLToPath(new URL('kubernetes.txt', import.meta.url));
const VALIDATE = fileURLToPath(new URL('manifests.py', import.meta.url));
/** The oldest that the project's README names, and the newest that there are schemas of. */
const VERSIONS = ['1.30', '1.37'];

type Labels = Readonly<Record<string, string>>;
interface Selector {
  readonly matchLabels: Labels;
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly image: string;
  readonly envFrom: readonly {
    readonly configMapRef?: { readonly name: string };
    readonly secretRef?: { readonly name: string };
  }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly mountPath: string }[];
}
interface Port {
  readonly port: number;
}

/** What a test looks at; that the rest is right is for the schemas to say. */
interface Specs {
  readonly ServiceAccount: object;
  readonly ConfigMap: { readonly data: Readonly<Record<string, string>> };
  readonly Deployment: {
    readonly spec: {
      readonly selector: Selector;
      readonly strategy: { readonly rollingUpdate: { readonly maxUnavailable: number } };
      readonly template: {
        readonly metadata: { readonly labels: Labels; readonly annotations: Labels };
        readonly spec: {
          readonly serviceAccountName: string;
          readonly terminationGracePeriodSeconds: number;
          readonly securityContext: object;
          readonly topologySpreadConstraints: readonly { readonly labelSelector: Selector }[];
          readonly containers: readonly [Container];
        };
      };
    };
  };
  readonly Service: {
    readonly spec: {
      readonly selector: Labels;
      readonly ports: readonly { readonly targetPort: string }[];
    };
  };
  readonly HorizontalPodAutoscaler: {
    readonly spec: {
      readonly scaleTargetRef: object;
      readonly minReplicas: number;
      readonly maxReplicas: number;
      readonly metrics: readonly object[];
    };
  };
  readonly PodDisruptionBudget: {
    readonly spec: { readonly selector: Selector; readonly maxUnavailable: number };
  };
  readonly NetworkPolicy: {
    readonly spec: {
      readonly podSelector: Selector;
      readonly ingress: readonly { readonly ports: readonly Port[] }[];
      readonly egress: readonly { readonly ports: readonly Port[] }[];
    };
  };
}

type Manifest = {
  readonly [Kind in keyof Specs]: Specs[Kind] & {
    readonly kind: Kind;
    readonly metadata: { readonly name: string; readonly namespace: string };
  };
};

/** What would be applied, each kind once. */
export interface Manifests {
  readonly kinds: readonly string[];
  get<Kind extends keyof Specs>(kind: Kind): Manifest[Kind];
}

/** Once before all tests, whose files run side by side. */
export async function installKubectl(): Promise<void> {
  await installPythonTools(TOOLS);
}

/**
 * What `kubectl apply -k` would send.
 * @throws Error where kustomize or a schema has something to say
 */
export async function buildManifests(overlay: string): Promise<Manifests> {
  const programs = await installPythonTools(TOOLS);
  const yaml = execFileSync(join(programs, 'kubectl'), ['kustomize', overlay]);
  const json = execFileSync(join(programs, 'python'), [VALIDATE, ...VERSIONS], { input: yaml });
  const all = JSON.parse(json.toString()) as Manifest[keyof Specs][];
  return {
    kinds: all.map(({ kind }) => kind),
    get: <Kind extends keyof Specs>(kind: Kind) =>
      all.find((manifest) => manifest.kind === kind) as Manifest[Kind],
  };
}

/** The same of an overlay in which somebody has taken the comment signs off `components`. */
export async function buildWithComponents(folder: string, overlay: string): Promise<Manifests> {
  const copy = await mkdtemp(join(tmpdir(), 'kubernetes-'));
  try {
    await cp(folder, copy, { recursive: true });
    const file = join(copy, overlay, 'kustomization.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('# components:\n#   -', 'components:\n  -'));
    return await buildManifests(join(copy, overlay));
  } finally {
    await rm(copy, { recursive: true });
  }
}
