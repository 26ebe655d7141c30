import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAddonManifests } from '../../src/effects/read-addons.ts';
import { readManifest } from '../../src/effects/templates.ts';
import { type Mock, startMock } from '../../src/mock/index.ts';
import { describeProjects } from '../contract/describe.ts';
import { CALLER_KEYS, KEY } from '../contract/environment.ts';
import { send } from '../contract/http.ts';
import { readMetrics, select } from '../contract/metrics.ts';
import { type OwnServer, startOwnServer } from '../contract/own.ts';
import { stopProgram } from '../contract/program.ts';
import { buildManifests, buildWithComponents, type Manifests } from './manifests.ts';

const KINDS = [
  ...['ConfigMap', 'Deployment', 'HorizontalPodAutoscaler', 'NetworkPolicy'],
  ...['PodDisruptionBudget', 'Service', 'ServiceAccount'],
];

describeProjects('kubernetes', {}, ({ stack, directory }) => {
  const folder = join(directory, 'kubernetes');

  describe.each(['staging', 'production'])('the overlay %s', (overlay) => {
    let manifests: Manifests;
    beforeAll(async () => {
      manifests = await buildManifests(join(folder, 'overlays', overlay));
    });
    const deployment = () => manifests.get('Deployment').spec;
    const pod = () => deployment().template;
    const container = () => pod().spec.containers[0];
    const settings = () => manifests.get('ConfigMap').data;

    test('is what Kubernetes takes, each kind once, in a namespace of its own', () => {
      expect([...manifests.kinds].sort()).toEqual(KINDS);
      expect(manifests.get('Service').metadata.namespace).toBe(`llm-api-${overlay}`);
    });

    test('selects its pods wherever it selects', () => {
      const { labels } = pod().metadata;
      const selectors = [
        deployment().selector.matchLabels,
        ...pod().spec.topologySpreadConstraints.map(
          ({ labelSelector }) => labelSelector.matchLabels,
        ),
        manifests.get('Service').spec.selector,
        manifests.get('PodDisruptionBudget').spec.selector.matchLabels,
        manifests.get('NetworkPolicy').spec.podSelector.matchLabels,
      ];
      for (const selector of selectors) {
        expect(selector).not.toEqual({});
        expect(labels).toMatchObject(selector);
      }
    });

    test('gives a request the time that it may take', () => {
      const seconds = (name: string): number => Number(settings()[name]);
      expect(seconds('DRAIN_TIMEOUT')).toBeGreaterThanOrEqual(seconds('REQUEST_TIMEOUT'));
      const { terminationGracePeriodSeconds: grace } = pod().spec;
      const { sleep } = container().lifecycle.preStop;
      expect(grace).toBeGreaterThan(sleep.seconds + seconds('DRAIN_TIMEOUT'));
      expect(deployment().strategy.rollingUpdate.maxUnavailable).toBe(0);
      expect(manifests.get('PodDisruptionBudget').spec.maxUnavailable).toBe(1);
    });

    test('means the same port everywhere', () => {
      const [{ name, containerPort }] = container().ports as [{ name: string; containerPort: 0 }];
      expect(settings()).toMatchObject({ HOST: '0.0.0.0', PORT: String(containerPort) });
      const { startupProbe, readinessProbe, livenessProbe } = container();
      for (const { httpGet } of [startupProbe, readinessProbe, livenessProbe]) {
        expect(httpGet.port).toBe(name);
      }
      expect(manifests.get('Service').spec.ports.map(({ targetPort }) => targetPort)).toEqual([
        name,
      ]);
      expect(pod().metadata.annotations).toMatchObject({
        'prometheus.io/port': String(containerPort),
      });
      expect(manifests.get('NetworkPolicy').spec.ingress).toEqual([
        { ports: [{ protocol: 'TCP', port: containerPort }] },
      ]);
    });

    test('sets what the server knows, and keys in a Secret that is not here', async () => {
      const { env } = await readManifest(stack);
      expect(env.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(settings())));
      expect(Object.keys(settings()).filter((name) => /KEY/.test(name))).toEqual([]);
      expect(container().envFrom).toEqual([
        { configMapRef: { name: manifests.get('ConfigMap').metadata.name } },
        { secretRef: { name: 'llm-api' } },
      ]);
      expect(manifests.get('ConfigMap').metadata.name).toMatch(/^llm-api-[0-9a-z]{10}$/);
    });

    test('runs with least rights, as the user of the image', async () => {
      const dockerfile = await readFile(join(directory, 'Dockerfile'), 'utf8');
      const [, user, group] = /^USER (\d+):(\d+)$/m.exec(dockerfile) ?? [];
      expect(pod().spec).toMatchObject({
        automountServiceAccountToken: false,
        serviceAccountName: manifests.get('ServiceAccount').metadata.name,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: Number(user),
          runAsGroup: Number(group),
          seccompProfile: { type: 'RuntimeDefault' },
        },
      });
      expect(container().securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const [, temporary] = /^ +TMPDIR=(\S+)/m.exec(dockerfile) ?? [];
      expect(container().volumeMounts.map(({ mountPath }) => mountPath)).toContain(temporary);
    });

    test('scales by CPU what has no fixed number of replicas', () => {
      expect(deployment()).not.toHaveProperty('replicas');
      const { scaleTargetRef, minReplicas, maxReplicas, metrics } =
        manifests.get('HorizontalPodAutoscaler').spec;
      expect(scaleTargetRef).toEqual({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: manifests.get('Deployment').metadata.name,
      });
      expect(minReplicas).toBeLessThan(maxReplicas);
      expect(metrics).toMatchObject([{ type: 'Resource', resource: { name: 'cpu' } }]);
      expect(container()).toMatchObject({ resources: { requests: { cpu: expect.any(String) } } });
    });

    test('lets out names, and the ports that the project calls', () => {
      const egress = manifests.get('NetworkPolicy').spec.egress;
      const ports = egress.map((rule) => rule.ports.map(({ port }) => port));
      const called = readAddonManifests().flatMap(({ manifest }) => manifest.egress ?? []);
      expect(ports).toEqual([[53, 53], [...new Set([443, ...called])].sort((a, b) => a - b)]);
    });
  });

  describe('a pod', () => {
    let mock: Mock;
    let server: OwnServer;
    let production: Manifests;
    beforeAll(async () => {
      mock = await startMock();
      production = await buildWithComponents(folder, 'overlays/production');
      const { data } = production.get('ConfigMap');
      const secret = { OPENAI_API_KEY: KEY, API_KEYS: CALLER_KEYS[0] };
      const here = { OPENAI_BASE_URL: mock.url, HOST: '127.0.0.1' };
      server = await startOwnServer(directory, { ...data, ...secret, ...here });
    });
    afterAll(async () => {
      await stopProgram(server.program);
      await mock.close();
    });

    test('answers its probes', async () => {
      const [container] = production.get('Deployment').spec.template.spec.containers;
      const { startupProbe, readinessProbe, livenessProbe } = container;
      for (const { httpGet } of [startupProbe, readinessProbe, livenessProbe]) {
        expect((await send(server.url, { path: httpGet.path })).status).toBe(200);
      }
    });

    test('has what it is to scale by where it is scraped', async () => {
      const { annotations } = production.get('Deployment').spec.template.metadata;
      expect(annotations).toMatchObject({ 'prometheus.io/path': '/metrics' });
      const { metrics } = production.get('HorizontalPodAutoscaler').spec;
      const name = 'llm_api_in_flight';
      const target = { type: 'AverageValue', averageValue: '128' };
      expect(metrics).toEqual([{ type: 'Pods', pods: { metric: { name }, target } }]);
      expect(select(await readMetrics(server.url), name)).toHaveLength(1);
    });
  });
});
