export type { Addons } from './generate.js';
