// `npm run check`: format, lint, types, dead code and the fast tests, in under half a minute.
import { installDependencies, run } from './prepare.mjs';

const node = (script, ...args) => run(process.execPath, [`node_modules/${script}`, ...args]);

installDependencies();
node('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.');
node('typescript/bin/tsc', '--project', 'tsconfig.json');
node('knip/bin/knip.js');
run(process.execPath, ['.scripts/build.mjs']);
node('vitest/vitest.mjs', 'run', '--project', 'unit', '--project', 'snapshot');
