#!/usr/bin/env node
const { main } = require('./main.js');

main('create-llm-api');
