#!/usr/bin/env node
const { main } = require('./main.js');

main('llm-api');
