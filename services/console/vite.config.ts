import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // Browsers that know light-dark(); a rewrite for older ones would take the colours away.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // One file for one page: the api's policy on content allows our own files only, and nothing is worth a second round trip.
    chunkSizeWarningLimit: 900,
  },
})
