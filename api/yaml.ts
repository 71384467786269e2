/** What mill takes of YAML, as a module of its own: a bundle that splits hands out a CommonJS package's names only through one. */
export { parseAllDocuments, stringify } from 'yaml';
