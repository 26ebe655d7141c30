#!/usr/bin/env node
try {
  require('../dist/cli/main.cjs').main('llm-api');
} catch (error) {
  require('./not-built.js')(error);
}
