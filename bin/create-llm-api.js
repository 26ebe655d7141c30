#!/usr/bin/env node
try {
  require('../dist/cli/main.cjs').main('create-llm-api');
} catch (error) {
  require('./not-built.js')(error);
}
