const { existsSync } = require('node:fs');
const { join, resolve } = require('node:path');

try {
  module.exports = require('../dist/cli/main.cjs');
} catch (error) {
  // In a clone the bundle is not there until it is built.
  if (existsSync(join(__dirname, '../dist/cli/main.cjs'))) throw error;
  process.stderr.write(
    `error This clone of create-llm-api is not built yet.\n` +
      `Build it, in ${resolve(__dirname, '..')}: npm ci && npm run build\n`,
  );
  process.exit(1);
}
