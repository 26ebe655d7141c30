import { defineConfig } from 'vitest/config';

/** One project a tier; .scripts/test.mjs runs them all, in this order. */
const TIERS: Readonly<Record<string, { include: string[]; timeout: number; setup?: string }>> = {
  unit: { include: ['test/{core,effects,mock,bench}/**/*.test.ts'], timeout: 30_000 },
  property: { include: ['test/property/**/*.test.ts'], timeout: 60_000 },
  snapshot: { include: ['test/snapshot/**/*.test.ts'], timeout: 30_000 },
  commands: { include: ['test/cli/**/*.test.ts'], timeout: 30_000 },
  terminal: { include: ['test/terminal/**/*.test.ts'], timeout: 60_000 },
  packaging: { include: ['test/packaging/**/*.test.ts'], timeout: 240_000 },
  contract: {
    include: ['test/contract/**/*.test.ts'],
    timeout: 60_000,
    setup: 'test/contract/servers.ts',
  },
  addons: {
    // The add-ons of the async stacks, all of them in one project; its own tests as well.
    include: ['test/addons/**/*.test.ts', 'test/contract/project.test.ts'],
    timeout: 60_000,
    setup: 'test/addons/servers.ts',
  },
};

export default defineConfig({
  test: {
    projects: Object.entries(TIERS).map(([name, { include, timeout, setup }]) => ({
      test: {
        name,
        include,
        testTimeout: timeout,
        hookTimeout: Math.max(timeout, 60_000),
        ...(setup && {
          globalSetup: setup,
          // Servers wait more than they work: two at a time even where there are two cores.
          maxWorkers: 2,
          // Against a URL there is one port for the mock: files take turns.
          fileParallelism: !process.env.CONTRACT_URL,
        }),
      },
    })),
  },
});
