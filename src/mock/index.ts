export { FAULTS, type Fault, parseFault } from './faults.ts';
export type { MockCounts, MockRequest, Outcome } from './record.ts';
export { type Mock, type MockOptions, startMock } from './server.ts';
